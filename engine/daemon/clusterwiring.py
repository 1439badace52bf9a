"""From the ground to what is told of the cluster. Must not run anything, and not know how Slurm is asked."""

from engine.daemon.clusterviews import ClusterViews
from engine.daemon.executors import slurm_of
from engine.daemon.ground import Ground, executor_kind
from engine.ports import Executor, GpuProvider


def cluster_views(ground: Ground, provider: GpuProvider, executor: Executor) -> ClusterViews:
    """Made once; from then on rows tell of the cluster, too."""
    slurm = slurm_of(executor)
    found = ClusterViews(
        books=ground.books,
        views=ground.views,
        clock=ground.clock,
        home=executor_kind(ground.settings, ground.paths),
        nodes=provider.nodes,
        standing=None if slurm is None else slurm.standing,
        reach=None if slurm is None else slurm.health,
    )
    ground.views.cluster = found
    return found
