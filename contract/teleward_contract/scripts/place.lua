-- Picking a media node and placing a call there; follows the prelude in `reserve` and `replace`.
local function two_choices(fit, seed)
  table.sort(fit, function(a, b) return a.node < b.node end)
  math.randomseed(seed)
  local one, two = fit[math.random(#fit)], fit[math.random(#fit)]
  return (two.share < one.share and two or one).node
end

-- One pass over the load table: the media node that ranks highest (of equals the first by name), or nil and whether
-- any is serving.
local function pick(cost, seed)
  local document = redis.call('HGET', KEYS[7], 'pool')
  local policy = document and cjson.decode(document).policy or 'Pack'
  local best, best_rank, serving, fit = nil, nil, false, {}
  local all = redis.call('HGETALL', KEYS[3])
  for i = 1, #all, 2 do
    local node, is_serving, marks, beat, capacity, used = all[i], struct.unpack('>BBddd', all[i + 1])
    if is_serving == 1 and marks == 0 and now - (beat > since and beat or since) < SUSPECT then
      serving = true
      if used + cost <= capacity then
        local share = used / (capacity > 1 and capacity or 1)
        local rank = -share
        if policy == 'Pack' and used + cost <= SOFT_LIMIT * capacity then rank = 1 + share end
        if not best or rank > best_rank or rank == best_rank and node < best then best, best_rank = node, rank end
        if policy == 'TwoChoices' then fit[#fit + 1] = {node = node, share = share} end
      end
    end
  end
  return #fit > 0 and two_choices(fit, seed) or best, serving
end

local function place(call, before, cost, seed)
  local wait = recovering()
  if wait then return wait end
  local node, serving = pick(cost, seed)
  if not node then
    redis.call('SET', KEYS[6], now, 'EX', 300)
    return answer('full', serving and 'NoCapacity' or 'NoMediaNodes')
  end
  local epoch = math.max(now, math.max(before and before.epoch or 0, tombstone_of(call)) + 1)
  if before then free(call, before) end
  local record = cjson.decode(redis.call('HGET', KEYS[2], node))
  local entry = {node = node, boot = record.boot, epoch = epoch, cost = cost, control_url = record.control_url,
    confirmed = false, seen = now}
  add_entry(call, entry)
  redis.call('HDEL', KEYS[5], call)
  return placed(call, entry, false)
end
