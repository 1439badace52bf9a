"""Figures of who runs jobs, and of a cluster's machines as they were last read. Must not know how Slurm is asked."""

from engine.daemon.clusterviews import ClusterViews
from engine.daemon.metrics.boxfigures import MIB, in_bytes
from engine.daemon.metrics.page import Page
from engine.protocol.cluster import NodeView

OURS, OTHERS = "rcq", "others"


def tell(page: Page, cluster: ClusterViews, now: float) -> None:
    """All of them; nothing of a cluster where there is none."""
    for backend in cluster.backends():
        away = backend.state != "ok"
        page.put("rcq_backend_up", not away, backend.name)
        since = backend.since if away else now
        page.put("rcq_backend_away_seconds", None if since is None else max(0.0, now - since), backend.name)
        if backend.nodes_total is not None:
            page.put("rcq_slurm_jobs", backend.waiting, "waiting")
            page.put("rcq_slurm_jobs", backend.running, "running")
            page.put("rcq_nodes", backend.nodes_open, "open")
            page.put("rcq_nodes", backend.nodes_total - (backend.nodes_open or 0), "closed")
    for node in cluster.machines():
        _node(page, node)


def _node(page: Page, node: NodeView) -> None:
    name = node.name
    page.put("rcq_node_open", node.state == "open", name)
    page.put("rcq_node_cpu_cores", node.cpu_cores, name)
    page.put("rcq_node_cpu_cores_allocated", node.cpu_cores_ours, name, OURS)
    page.put("rcq_node_cpu_cores_allocated", node.cpu_cores_others, name, OTHERS)
    page.put("rcq_node_memory_bytes", node.memory_mb * MIB, name)
    page.put("rcq_node_memory_allocated_bytes", node.memory_mb_allocated * MIB, name)
    page.put("rcq_node_memory_free_bytes", in_bytes(node.memory_free_mb), name)
    page.put("rcq_node_load1", node.cpu_load, name)
    for cards in node.cards:
        page.put("rcq_node_gpus", cards.total, name, cards.type)
        page.put("rcq_node_gpus_allocated", cards.ours, name, cards.type, OURS)
        page.put("rcq_node_gpus_allocated", cards.others, name, cards.type, OTHERS)
