-- The state of a quota on a Redis server, and the changes that `quota_state.rs` and `adaptive_rate.rs` make to it.
-- KEYS[1]: the quota.
-- ARGV: the rate as people write it, the time from one call to the next, the change, the number of the call, a wait.
-- Times are in microseconds. What stands above this text defines SCHEMA, the constants and `clock`, the server's time.
local key, rate, interval, change = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local call, wait = tonumber(ARGV[4]), tonumber(ARGV[5])
local full = 1000000 / tonumber(interval)

local fields = redis.pcall('HGETALL', key)
if fields.err then return {'foreign'} end
local kept = {}
for i = 1, #fields, 2 do kept[fields[i]] = fields[i + 1] end
if #fields > 0 and kept.schema ~= SCHEMA then return {'foreign'} end
if #fields > 0 and kept.interval ~= interval then return {'rate', kept.rate} end
local function number(name, default) return tonumber(kept[name] or '') or default end

-- If the clock was set back, time goes on from the latest time that was seen. So no turn comes again.
local shift = number('shift', 0)
local now = clock + shift
local seen = number('seen', now)
if now < seen then
  shift = shift + seen - now
  now = seen
end

local hold, free, begun = number('hold', 0), number('free', 0), number('begun', 0)
-- The server may have lost the quota, so even the first call waits: for one turn, and at most for a second.
local last = number('last', now + math.min(tonumber(interval), 1000000) - tonumber(interval))
local slow = nil
if number('calls', nil) then
  slow = {
    calls = number('calls', 0), since = number('since', 0), from = number('from', 0), knee = number('knee', 0),
    full = number('full', 0), answers = number('answers', 0),
    top = number('top', 0), top_answers = number('top_answers', 0), top_throttled = number('top_throttled', 0),
  }
end

local function steps()
  return math.max(QUICK_SECONDS, QUICK_CALLS / slow.knee), math.min(LEVEL_SECONDS, LEVEL_CALLS / slow.knee)
end

local function climbed() return math.max(0, now - slow.since) / 1000000 end

local function slow_pace()
  local quick, level = steps()
  if climbed() < quick then return slow.from + (slow.knee - slow.from) * climbed() / quick end
  local beyond = climbed() - quick
  local search = math.max(0, beyond - level)
  return slow.knee * (LEVEL_GROWTH * beyond + math.exp(SEARCH * search))
end

-- The lowered rate, or nil if the rate is full.
local function pace()
  if not slow then return nil end
  local pace = slow_pace()
  if pace < slow.full then return pace end
  return nil
end

-- When the next call may begin because of a hold or a lowered rate; 0 if at once.
local function earliest()
  local at = hold
  local pace = pace()
  if pace then at = math.max(at, last + 1000000 / pace) end
  if at > now then return at end
  return 0
end

local changes = {}

function changes.check() return 'at', now end

function changes.reserve()
  local turn = math.max(free, earliest(), now)
  free = turn + 1000000 / (pace() or full)
  return 'at', turn
end

function changes.take()
  local at = math.max(last + 1000000 / full, earliest())
  if at > now then return 'at', at end
  local number = begun
  begun = begun + 1
  if hold <= now then hold = 0 end
  last = now
  return 'begun', number
end

function changes.answered()
  if slow and call >= slow.calls then
    slow.answers = slow.answers + 1
    slow.top_answers = slow.top_answers + 1
    if slow_pace() >= slow.full then slow = nil end
  end
  return 'lowered', 0
end

function changes.throttled()
  local since = now + wait
  hold = math.max(hold, since)
  if slow and call < slow.calls then
    slow.since = math.max(slow.since, since)
    slow.top_throttled = slow.top_throttled + 1
    return 'lowered', 0
  end
  local fast, most, answers, settled = full, full, EASED, true
  local top = {rate = full, answers = 0, throttled = 0}
  if slow then
    local quick, level = steps()
    fast, most, answers = math.min(slow_pace(), slow.full), slow.full, slow.answers
    settled = climbed() >= math.min(SETTLED, quick + level)
    top = {rate = slow.top, answers = slow.top_answers, throttled = slow.top_throttled}
  end
  if answers >= EASED and settled then top = {rate = fast, answers = 0, throttled = 0} end
  top.throttled = top.throttled + 1
  if fast < top.rate * BLAMELESS_RATE and top.throttled < (top.answers + top.throttled) * BLAMELESS_SHARE then
    slow = nil
    return 'lowered', 0
  end
  local floor = math.min(FLOOR, most)
  local eased = math.min(answers, EASED) / EASED
  slow = {
    calls = begun, since = since, from = math.max(fast / 2, floor),
    knee = math.max(fast * (KNEE_AT_ONCE + (KNEE_EASED - KNEE_AT_ONCE) * eased), floor), full = most, answers = 0,
    top = top.rate, top_answers = top.answers, top_throttled = top.throttled,
  }
  return 'lowered', 1
end

function changes.pause()
  if hold <= now then hold = now + wait end
  return 'lowered', 0
end

local result, value = changes[change]()

local function whole(number) return string.format('%.0f', number) end
local function exact(number) return string.format('%.17g', number) end
local state = {whole(hold), whole(free), whole(last), whole(begun)}
local lowered = {'', '', '', '', '', '', '', '', ''}
if slow then
  lowered = {
    whole(slow.calls), whole(slow.since), exact(slow.from), exact(slow.knee), exact(slow.full), whole(slow.answers),
    exact(slow.top), whole(slow.top_answers), whole(slow.top_throttled),
  }
end
redis.call('HSET', key, 'schema', SCHEMA, 'rate', rate, 'interval', interval, 'shift', whole(shift), 'seen', whole(now),
  'hold', state[1], 'free', state[2], 'last', state[3], 'begun', state[4],
  'calls', lowered[1], 'since', lowered[2], 'from', lowered[3], 'knee', lowered[4], 'full', lowered[5],
  'answers', lowered[6], 'top', lowered[7], 'top_answers', lowered[8], 'top_throttled', lowered[9])
-- Kept for an hour after the last time that matters.
redis.call('PEXPIRE', key, whole((math.max(hold, free, now) - now) / 1000 + KEPT_SECONDS * 1000))

local reply = {'ok', result, whole(value), whole(now)}
for _, field in ipairs(state) do reply[#reply + 1] = field end
if slow then
  for _, field in ipairs(lowered) do reply[#reply + 1] = field end
end
return reply
