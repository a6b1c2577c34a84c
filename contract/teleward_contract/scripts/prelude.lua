-- Shared by every script of a pool; the rules are those of routing_table.py, the constants in capitals are put before
-- this file by routing_redis.py, in milliseconds where they are times.
-- KEYS: 1 clock, 2 nodes, 3 load, 4 placements, 5 tombstones, 6 demand, 7 policy, 8 pending, 9 strays,
--       10 prefix of the per-node call sets, 11 highest leader epoch that projected the pool (`project.lua`)
-- ARGV[1]: the clock in ms for tests; '' means the store's own.
local KEEP = 86400
local LOAD = '>BBddds' -- serving, marks (1 suspect, 2 cordoned), beat ms, capacity, used, boot id
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local since, recovered

local function step()
  local clock = redis.call('HMGET', KEYS[1], 'since', 'last', 'recovered')
  since = tonumber(clock[1])
  if not since or now - clock[2] > GAP then since = now end
  recovered = clock[3] == '1' or now - since >= RECOVERY
  redis.call('HSET', KEYS[1], 'since', since, 'last', now, 'recovered', recovered and 1 or 0)
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

local function calls_of(node)
  return redis.call('SMEMBERS', KEYS[10] .. node)
end

local function entry_of(call)
  local raw = redis.call('HGET', KEYS[4], call)
  return raw and cjson.decode(raw) or nil
end

local function save_entry(call, entry)
  redis.call('HSET', KEYS[4], call, cjson.encode(entry))
end

local function confirm(call, entry)
  if not entry.confirmed then redis.call('ZREM', KEYS[8], call) end
  entry.confirmed, entry.seen = true, now
  save_entry(call, entry)
end

local function charge(entry, units)
  local l = load_of(entry.node)
  if l and l.boot == entry.boot then
    l.used = l.used + units
    save_load(entry.node, l)
  end
end

local function add_entry(call, entry)
  save_entry(call, entry)
  redis.call('SADD', KEYS[10] .. entry.node, call)
  redis.call('EXPIRE', KEYS[10] .. entry.node, KEEP)
  if not entry.confirmed then redis.call('ZADD', KEYS[8], now, call) end
  charge(entry, entry.cost)
end

local function free(call, entry)
  charge(entry, -entry.cost)
  redis.call('HDEL', KEYS[4], call)
  redis.call('SREM', KEYS[10] .. entry.node, call)
  redis.call('ZREM', KEYS[8], call)
  redis.call('SREM', KEYS[9], call)
end

-- The node's boot is gone: reaping looks at its calls until they have moved.
local function leave_behind(node)
  redis.call('SUNIONSTORE', KEYS[9], KEYS[9], KEYS[10] .. node)
end

local function holds(entry)
  local l = load_of(entry.node)
  return l and l.boot == entry.boot and is_alive(l)
end

local function tombstone_of(call)
  local raw = redis.call('HGET', KEYS[5], call)
  return raw and tonumber(string.match(raw, '^(%d+):')) or 0
end

local function answer(kind, value)
  return cjson.encode({kind = kind, value = value})
end

local function recovering()
  return not recovered and answer('recovering', (RECOVERY - (now - since)) / 1000) or nil
end

local function placed(call, entry, existing)
  return answer('placed', {call = call, media_node = entry.node, boot = entry.boot, epoch = entry.epoch,
    cost = entry.cost, control_url = entry.control_url, confirmed = entry.confirmed, existing = existing})
end
