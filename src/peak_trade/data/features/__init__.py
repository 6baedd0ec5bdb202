"""Features: named, versioned measures of what was known at each close."""

from peak_trade.data.features.definition import Feature, feature, param, required
from peak_trade.data.features.given import Given, Shelf
from peak_trade.data.features.joins import joined
from peak_trade.data.features.materialized import Coverage, Materialized, coverage, materialize
from peak_trade.data.features.registry import feature_class, feature_of, features_known, id_of
from peak_trade.data.features.supply import (
    FeatureSupply,
    check_features,
    supplied,
    with_features,
)

__all__ = [
    "Coverage",
    "Feature",
    "FeatureSupply",
    "Given",
    "Materialized",
    "Shelf",
    "check_features",
    "coverage",
    "feature",
    "feature_class",
    "feature_of",
    "features_known",
    "id_of",
    "joined",
    "materialize",
    "param",
    "required",
    "supplied",
    "with_features",
]
