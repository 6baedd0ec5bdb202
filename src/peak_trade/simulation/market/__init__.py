"""The market behind the venue simulators: rules, tapes, accounts, orders, events."""
