"""The door to Nova and Placement, through openstacksdk."""
