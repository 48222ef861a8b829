"""Which of Envoy's thousands of numbers are worth a look: callers, what the parts behind it answer, and its own health."""

from typing import Final

FAMILIES: Final = (
    "envoy_access_logs_open_telemetry_access_log_logs_dropped",
    "envoy_access_logs_open_telemetry_access_log_logs_written",
    "envoy_cluster_health_check_failure",
    "envoy_cluster_membership_healthy",
    "envoy_cluster_outlier_detection_ejections_active",
    "envoy_cluster_upstream_cx_active",
    "envoy_cluster_upstream_cx_connect_fail",
    "envoy_cluster_upstream_rq",
    "envoy_cluster_upstream_rq_active",
    "envoy_cluster_upstream_rq_retry",
    "envoy_cluster_upstream_rq_time",
    "envoy_cluster_upstream_rq_timeout",
    "envoy_cluster_upstream_rq_xx",
    "envoy_http_downstream_cx_active",
    "envoy_http_downstream_cx_rx_bytes_total",
    "envoy_http_downstream_cx_total",
    "envoy_http_downstream_cx_tx_bytes_total",
    "envoy_http_downstream_rq_active",
    "envoy_http_downstream_rq_rx_reset",
    "envoy_http_downstream_rq_time",
    "envoy_http_downstream_rq_xx",
    "envoy_http_rbac_denied",
    "envoy_server_live",
    "envoy_server_memory_allocated",
    "envoy_server_uptime",
)
"""Every family that is passed on; those of which nothing has happened yet are missing."""

STATS: Final = (
    r"^(access_logs\.open_telemetry_access_log\.logs_(dropped|written)"
    r"|cluster\.(core|edge|mulerun\w*)\.(health_check\.failure|membership_healthy|outlier_detection\.ejections_active"
    r"|upstream_cx_active|upstream_cx_connect_fail|upstream_rq_(active|retry|time|timeout|\d\d\d|\dxx))"
    r"|http\.(rest|grpc)\.(downstream_cx_(active|total|rx_bytes_total|tx_bytes_total)"
    r"|downstream_rq_(active|rx_reset|time|\dxx)|rbac\.(\w+\.)?denied)"
    r"|server\.(live|memory_allocated|uptime))$"
)
"""The same by Envoy's own names, for its filter."""


def chosen(text: str) -> str:
    """The families of `FAMILIES` out of what Envoy tells."""
    kept, keeps = [], False
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            keeps = line.split(" ")[2] in FAMILIES
        if keeps:
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)
