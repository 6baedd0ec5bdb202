"""Many weights become one: recipes of strategies."""
