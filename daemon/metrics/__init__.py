"""What is counted, in Prometheus's form.

A label holds the id of an active client, a code of Meta's that we know, or one of a small known set
of words. Owns no measuring: whoever does something counts it, and `daemon.api.survey` looks up what
only a reader of /metrics wants to know.
"""

from prometheus_client.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE

from daemon.metrics.clients import ClientMeters
from daemon.metrics.labels import fold_code, fold_status
from daemon.metrics.registry import Metrics

__all__ = ["CONTENT_TYPE", "ClientMeters", "Metrics", "fold_code", "fold_status"]
