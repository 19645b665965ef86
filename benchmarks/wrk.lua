-- Asks for the paths of a file one after the other, from a given line on; a tab parts a path from an ETag to send along.
-- wrk ... -s wrk.lua URL -- FILE LINE

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  requests, position = {}, tonumber(args[2])
  for line in io.lines(args[1]) do
    local path, tag = line:match("^([^\t]+)\t?(.*)$")
    local headers = tag ~= "" and {["If-None-Match"] = tag} or nil
    table.insert(requests, wrk.format("GET", path, headers))
  end
  count = #requests
end

function request()
  position = position + 1
  return requests[(position - 1) % count + 1]
end

function done(summary, latency, _)
  local position = 0
  for _, thread in ipairs(threads) do
    position = math.max(position, thread:get("position"))
  end
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "bytes": %d, "failed": %d, "position": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout, position))
end
