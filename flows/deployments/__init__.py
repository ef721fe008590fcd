"""What runs without a person: deployments, their schedules, queues, events and automations."""
