"""How the screens of the wall are drawn from the rows of their queries. Pure: no clock, no network.

Everything is drawn on the server, as HTML and SVG without a style of its own, from the very model
that Grafana's dashboards are made of (``dashboards.screen``). Lengths are 1/1080 of the screen's
height, so that one drawing fits 1920×1080 and 3840×2160 alike.
"""
