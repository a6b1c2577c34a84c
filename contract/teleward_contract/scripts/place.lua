-- Picking a media node and placing a call there; follows the prelude in `reserve` and `replace`.
local function candidates(cost)
  local all, fit, serving = redis.call('HGETALL', KEYS[3]), {}, false
  for i = 1, #all, 2 do
    local is_serving, marks, beat, capacity, used = struct.unpack('>BBddd', all[i + 1])
    if is_serving == 1 and marks == 0 and now - math.max(beat, since) < SUSPECT then
      serving = true
      if used + cost <= capacity then
        fit[#fit + 1] = {node = all[i], share = used / capacity, below = used + cost <= SOFT_LIMIT * capacity}
      end
    end
  end
  return fit, serving
end

local function two_choices(fit, seed)
  table.sort(fit, function(a, b) return a.node < b.node end)
  math.randomseed(seed)
  local one, two = fit[math.random(#fit)], fit[math.random(#fit)]
  return two.share < one.share and two or one
end

local function is_better(a, b, packs) -- of equals the first by name
  if packs and a.below ~= b.below then return a.below end
  if a.share == b.share then return a.node < b.node end
  if packs and a.below then return a.share > b.share end
  return a.share < b.share
end

local function pick(fit, seed)
  local document = redis.call('GET', KEYS[7])
  local policy = document and cjson.decode(document).policy or 'Pack'
  if policy == 'TwoChoices' then return two_choices(fit, seed).node end
  local best = fit[1]
  for i = 2, #fit do
    if is_better(fit[i], best, policy ~= 'Spread') then best = fit[i] end
  end
  return best.node
end

local function place(call, before, cost, seed)
  local wait = recovering()
  if wait then return wait end
  local fit, serving = candidates(cost)
  if #fit == 0 then
    redis.call('SET', KEYS[6], now, 'EX', 300)
    return answer('full', serving and 'NoCapacity' or 'NoMediaNodes')
  end
  local node = pick(fit, seed)
  local epoch = math.max(now, math.max(before and before.epoch or 0, tombstone_of(call)) + 1)
  if before then free(call, before) end
  local record = cjson.decode(redis.call('HGET', KEYS[2], node))
  local entry = {node = node, boot = record.boot, epoch = epoch, cost = cost, control_url = record.control_url,
    confirmed = false, seen = now}
  add_entry(call, entry)
  redis.call('HDEL', KEYS[5], call)
  return placed(call, entry, false)
end
