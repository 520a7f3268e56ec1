"""From pictures to boxes."""
