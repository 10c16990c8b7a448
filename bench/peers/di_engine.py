# Tasks of a DI-engine master on one slave, which takes one at a time.
import json
import logging
import os
import statistics
import subprocess
import sys
import time

from ding.interaction import Master

SLAVE = """
import logging
from ding.interaction import Slave
logging.disable(logging.CRITICAL)
class Echo(Slave):
    def _process_task(self, task):
        return task
slave = Echo('127.0.0.1', 17236)
slave.start()
slave.join()
"""

# Loopback needs no proxy.
os.environ["NO_PROXY"] = "*"
os.sched_setaffinity(0, range(os.cpu_count()))
logging.disable(logging.CRITICAL)
slave = subprocess.Popen([sys.executable, "-c", SLAVE])
master = Master("127.0.0.1", 17235, my_address="http://127.0.0.1:17235")
master.start()
for _ in range(100):
    try:
        connection = master.new_connection("slave", "127.0.0.1", 17236)
        connection.connect()
        break
    except Exception:
        time.sleep(0.1)

DATA = {"data": "7" * 64}
times = []
for _ in range(500):
    began = time.perf_counter()
    task = connection.new_task(DATA).start().join()
    times.append(time.perf_counter() - began)
    assert task.result == DATA, task.result
connection.disconnect()
print(json.dumps({"rate": len(times) / sum(times), "p50": statistics.median(times) * 1e6}), flush=True)
slave.kill()
os._exit(0)
