"""The LGSP adapter: indicators of the province's data-sharing platform as readings of a device."""
