"""The process's own figures, under the names that every Prometheus client gives them."""

import time

from prometheus_client import ProcessCollector


class Process(ProcessCollector):
    """The process's own memory, time and files, also where only processes are seen in /proc."""

    def _boot_time(self) -> float:
        # Under systemd's ProcSubset=pid there is no /proc/stat, and the library would say nothing.
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
