"""The rules, the gate that every order passes, and the kill switch."""
