"""The bridge from MQTT to Kafka: validate, set aside what is bad, acknowledge in order."""
