"""Pure measures of series: indicators and performance."""
