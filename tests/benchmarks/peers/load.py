"""A client that asks a server as fast as it answers, over connections that stay open.

``python load.py HOST:PORT PATH BODY_FILE SECONDS CONNECTIONS`` prints requests a second and the
latencies' percentiles in milliseconds as JSON. It needs nothing but the standard library.
"""

import asyncio
import json
import sys
import time
from pathlib import Path


async def connection(host, port, request, until, taken, failed):
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < until:
        started = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        await reader.readexactly(length)
        taken.append(time.perf_counter() - started)
        if not head.startswith(b"HTTP/1.1 200"):
            failed.append(head[:15].decode())
    writer.close()


async def main(address, path, body, seconds, connections):
    host, port = address.rsplit(":", 1)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    request, taken, failed = head.encode() + body, [], []
    until = time.perf_counter() + seconds
    clients = [
        connection(host, int(port), request, until, taken, failed) for _ in range(connections)
    ]
    started = time.perf_counter()
    await asyncio.gather(*clients)
    wall, taken = time.perf_counter() - started, sorted(taken)
    at = {f"p{p}": round(1000 * taken[min(int(len(taken) * p / 100), len(taken) - 1)], 3)
          for p in (50, 95, 99)}  # fmt: skip
    return {"per_second": len(taken) / wall, "requests": len(taken), "failed": failed[:3], **at}


if __name__ == "__main__":
    address, path, file, seconds, connections = sys.argv[1:]
    answer = asyncio.run(
        main(address, path, Path(file).read_bytes(), float(seconds), int(connections))
    )
    print(json.dumps(answer))
