"""What every device runs to publish: spool, publisher, presence, receipts."""
