"""What a batch of contract ocs-events/1 may say, and how its bytes become checked events."""
