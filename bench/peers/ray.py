# Calls of a Ray actor that returns what it is given: rate of many, median of one at a time.
import json
import os
import statistics
import time

import ray

# The program that starts this one may be pinned to a core: Ray needs its own.
os.sched_setaffinity(0, range(os.cpu_count()))
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")


@ray.remote
class Echo:
    def echo(self, data):
        return data


DATA = b"\x07" * 64
echo = Echo.remote()
ray.get([echo.echo.remote(DATA) for _ in range(1_000)])

began = time.perf_counter()
results = ray.get([echo.echo.remote(DATA) for _ in range(10_000)])
rate = len(results) / (time.perf_counter() - began)
assert all(result == DATA for result in results)

times = []
for _ in range(1_000):
    began = time.perf_counter()
    ray.get(echo.echo.remote(DATA))
    times.append(time.perf_counter() - began)
print(json.dumps({"rate": rate, "p50": statistics.median(times) * 1e6}))
