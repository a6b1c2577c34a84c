-- Shared by every script of a pool; mirrors routing_table.py.
-- KEYS: 1 clock, 2 nodes, 3 load, 4 placements, 5 tombstones, 6 demand, 7 policy, 8 prefix of the per-node call sets
-- ARGV[1]: the clock in ms for tests; '' means the store's own.
local GAP, SUSPECT, RECOVERY, FORGET = 2000, 3000, 2000, 60000
local RESERVATION, TOMBSTONE, KEEP = 20000, 60000, 86400
local LOAD = '>BBdddd' -- serving, marks (1 suspect, 2 cordoned), beat ms, capacity, used, boot number
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local since, born

local function step()
  local clock = redis.call('HMGET', KEYS[1], 'born', 'since', 'last')
  born, since = tonumber(clock[1]), tonumber(clock[2])
  if not born then
    born, since = now, now
    redis.call('HSET', KEYS[1], 'born', now, 'since', now, 'last', now)
    return
  end
  if now - tonumber(clock[3]) > GAP then
    since = now
    redis.call('HSET', KEYS[1], 'since', now)
  end
  redis.call('HSET', KEYS[1], 'last', now)
end

local function load_of(node)
  local packed = redis.call('HGET', KEYS[3], node)
  if not packed then return nil end
  local serving, marks, beat, capacity, used, boot = struct.unpack(LOAD, packed)
  return {serving = serving, marks = marks, beat = beat, capacity = capacity, used = used, boot = boot}
end

local function save_load(node, l)
  redis.call('HSET', KEYS[3], node, struct.pack(LOAD, l.serving, l.marks, l.beat, l.capacity, l.used, l.boot))
end

local function is_alive(l)
  return l.marks % 2 == 0 and now - math.max(l.beat, since) < SUSPECT
end

local function entry_of(call)
  local raw = redis.call('HGET', KEYS[4], call)
  return raw and cjson.decode(raw) or nil
end

local function save_entry(call, entry)
  redis.call('HSET', KEYS[4], call, cjson.encode(entry))
  redis.call('SADD', KEYS[8] .. entry.node, call)
  redis.call('EXPIRE', KEYS[8] .. entry.node, KEEP)
end

local function charge(entry, sign)
  local l = load_of(entry.node)
  if l and l.boot == entry.boot_number then
    l.used = l.used + sign * entry.cost
    save_load(entry.node, l)
  end
end

local function holds(entry)
  local l = load_of(entry.node)
  return l and l.boot == entry.boot_number and is_alive(l)
end

local function forget_entry(call, entry)
  charge(entry, -1)
  redis.call('HDEL', KEYS[4], call)
  redis.call('SREM', KEYS[8] .. entry.node, call)
end

local function bury(call, entry)
  forget_entry(call, entry)
  redis.call('HSET', KEYS[5], call, string.format('%.0f:%.0f', entry.epoch, now + TOMBSTONE))
end

local function tombstone_epoch(call)
  local raw = redis.call('HGET', KEYS[5], call)
  return raw and tonumber(string.match(raw, '^(%d+):')) or 0
end

local function answer(kind, value)
  return cjson.encode({kind = kind, value = value})
end

local function placed(call, entry, existing)
  return answer('placed', {call = call, media_node = entry.node, boot = entry.boot, epoch = entry.epoch,
    cost = entry.cost, control_url = entry.control_url, confirmed = entry.confirmed, existing = existing})
end

local function pick(cost, seed)
  local policy = redis.call('GET', KEYS[7])
  policy = policy and cjson.decode(policy).policy or 'Pack'
  local all = redis.call('HGETALL', KEYS[3])
  local fit, serving = {}, false
  for i = 1, #all, 2 do
    local is_serving, marks, beat, capacity, used = struct.unpack(LOAD, all[i + 1])
    if is_serving == 1 and marks == 0 and now - math.max(beat, since) < SUSPECT then
      serving = true
      if used + cost <= capacity then
        fit[#fit + 1] = {node = all[i], share = used / capacity, below = used + cost <= 0.8 * capacity}
      end
    end
  end
  if #fit == 0 then return nil, serving end
  if policy == 'TwoChoices' then
    table.sort(fit, function(a, b) return a.node < b.node end)
    math.randomseed(seed)
    local one, two = fit[math.random(#fit)], fit[math.random(#fit)]
    return (two.share < one.share and two or one).node, true
  end
  local best
  for _, c in ipairs(fit) do
    if not best then best = c
    elseif policy ~= 'Spread' and c.below ~= best.below then best = c.below and c or best
    else
      local better
      if c.share == best.share then better = c.node < best.node
      elseif policy ~= 'Spread' and c.below then better = c.share > best.share
      else better = c.share < best.share end
      if better then best = c end
    end
  end
  return best.node, true
end

local function place(call, cost, seed)
  if now - born < RECOVERY then return answer('recovering', (RECOVERY - (now - born)) / 1000) end
  local node, serving = pick(cost, seed)
  if not node then
    redis.call('SET', KEYS[6], now, 'EX', 300)
    return answer('full', serving and 'NoCapacity' or 'NoMediaNodes')
  end
  local before = entry_of(call)
  local epoch = math.max(before and before.epoch or 0, tombstone_epoch(call)) + 1
  if before then forget_entry(call, before) end
  local record = cjson.decode(redis.call('HGET', KEYS[2], node))
  local entry = {node = node, boot = record.boot, boot_number = load_of(node).boot, epoch = math.max(now, epoch),
    cost = cost, control_url = record.control_url, confirmed = false, seen = now}
  save_entry(call, entry)
  charge(entry, 1)
  redis.call('HDEL', KEYS[5], call)
  return placed(call, entry, false)
end
