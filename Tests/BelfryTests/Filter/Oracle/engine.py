"""Conditions on fields as Qdrant's engine takes them: for the golden file of filters, and for the differential test."""

import qdrant_edge as q


def engine_point(p):
    return q.GeoPoint(lon=p["lon"], lat=p["lat"])


def field_condition(c):
    key = c["key"]
    if "match" in c:
        (kind, value), = c["match"].items()
        made = {"value": q.MatchValue, "any": q.MatchAny, "except": q.MatchExcept, "text": q.MatchText, "text_any": q.MatchTextAny,
                "phrase": q.MatchPhrase, "prefix": q.MatchPrefix, "substring": q.MatchSubstring}[kind](value)
        return q.FieldCondition(key, match=made)
    if "range" in c:
        days = any(isinstance(v, str) for v in c["range"].values())
        return q.FieldCondition(key, range=(q.RangeDateTime if days else q.RangeFloat)(**c["range"]))
    if "values_count" in c:
        return q.FieldCondition(key, values_count=q.ValuesCount(**c["values_count"]))
    if "geo_bounding_box" in c:
        b = c["geo_bounding_box"]
        return q.FieldCondition(key, geo_bounding_box=q.GeoBoundingBox(engine_point(b["top_left"]), engine_point(b["bottom_right"])))
    if "geo_radius" in c:
        g = c["geo_radius"]
        return q.FieldCondition(key, geo_radius=q.GeoRadius(engine_point(g["center"]), g["radius"]))
    if "geo_polygon" in c:
        g = c["geo_polygon"]
        return q.FieldCondition(key, geo_polygon=q.GeoPolygon([engine_point(p) for p in g["exterior"]["points"]], [[engine_point(p) for p in h["points"]] for h in g["interiors"]]))
    if "is_empty" in c:
        return q.FieldCondition(key, is_empty=c["is_empty"])
    return q.FieldCondition(key, is_null=c["is_null"])
