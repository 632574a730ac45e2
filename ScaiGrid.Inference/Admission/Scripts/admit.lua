-- Admits one call: every rate limit and every budget of one slot, all or nothing.
-- KEYS  windows, then (with budgets) the hash of open reservations, then budgets, then for a call that may be made again the set of those counted
-- ARGV  1 windows, 2 budgets, 3 estimated tokens, 4 ticket, 5 owner, 6 cost, 7 tokens,
--       then for each window: request limit, token limit (0 is none),
--       then for each budget: period start (minute), action, cost limit, token limit, request limit (-1 is none), throttle (ms)
-- Gives 0, now, limit, remaining, reset, token limit, token remaining, token reset
--    or 1, now, limit, retry at, unit (0 requests, 1 tokens)      a rate limit refuses
--    or 2, budget                                                 a budget refuses
--    or 3, budget, wait (ms)                                      a budget throttles
--    or 4, budget                                                 a budget's state is not known here
local WINDOW = 60
local BLOCK, THROTTLE = 0, 2
local windows, budgets = tonumber(ARGV[1]), tonumber(ARGV[2])
local estimate = tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = tonumber(clock[1])
local nowMs = now * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- A window is a bucket a second. Sums are kept; they are made anew, and dead buckets dropped, once a second at most.
-- A bucket counts until its last moment is more than a minute old, so no 60 s hold more than the limit.
local function read(key, bucket)
  local v = redis.call('HMGET', key, 'l', 'o', 'R', 'T', bucket)
  if v[1] and tonumber(v[1]) == now then
    return tonumber(v[2]), tonumber(v[3]), tonumber(v[4]), tonumber(v[5] or 0)
  end
  local all = redis.call('HGETALL', key)
  local oldest, requests, tokens, dead = now, 0, 0, {}
  for i = 1, #all, 2 do
    local kind = string.sub(all[i], 1, 1)
    if kind == 'r' or kind == 't' then
      local second = tonumber(string.sub(all[i], 2))
      if second < now - WINDOW or second > now + WINDOW then
        dead[#dead + 1] = all[i]
      else
        if second < oldest then oldest = second end
        if kind == 'r' then
          requests = requests + tonumber(all[i + 1])
        else
          tokens = tokens + tonumber(all[i + 1])
        end
      end
    end
  end
  if #dead > 0 then redis.call('HDEL', key, unpack(dead)) end
  redis.call('HSET', key, 'l', now, 'o', oldest, 'R', requests, 'T', tokens)
  redis.call('EXPIRE', key, WINDOW + 2)
  return oldest, requests, tokens, tonumber(redis.call('HGET', key, bucket) or 0)
end

local bucket = 'r' .. clock[1]
local state = {}
local limit, remaining, reset = 0, 0, 0
local tokenLimit, tokenRemaining, tokenReset = 0, 0, 0
local argument = 8
for i = 1, windows do
  local most, mostTokens = tonumber(ARGV[argument]), tonumber(ARGV[argument + 1])
  argument = argument + 2
  local oldest, requests, tokens, inBucket = read(KEYS[i], bucket)
  local retry = oldest + WINDOW + 1
  if most > 0 then
    if requests + 1 > most then return {1, now, most, retry, 0} end
    if limit == 0 or most - requests - 1 < remaining then
      limit, remaining, reset = most, most - requests - 1, retry
    end
  end
  if mostTokens > 0 then
    -- A call that is larger than the whole limit runs when nothing else does.
    if tokens > 0 and tokens + estimate > mostTokens then return {1, now, mostTokens, retry, 1} end
    local left = math.max(mostTokens - tokens - estimate, 0)
    if tokenLimit == 0 or left < tokenRemaining then
      tokenLimit, tokenRemaining, tokenReset = mostTokens, left, retry
    end
  end
  state[i] = {requests, inBucket, mostTokens}
end

-- Amounts reach 64 bits, a Lua number 53: units and billionths are added apart.
local function split(text)
  local length = string.len(text)
  if length <= 9 then return 0, tonumber(text) end
  return tonumber(string.sub(text, 1, length - 9)), tonumber(string.sub(text, length - 8))
end

local function exceeds(limitText, a, b, c)
  local mostUnits, mostRest = split(limitText)
  local aUnits, aRest = split(a)
  local bUnits, bRest = split(b)
  local cUnits, cRest = split(c)
  local rest = aRest + bRest + cRest
  local carry = math.floor(rest / 1000000000)
  local units = aUnits + bUnits + cUnits + carry
  rest = rest - carry * 1000000000
  return units > mostUnits or (units == mostUnits and rest > mostRest)
end

local first = windows + 1
local rolled, throttled = {}, {}

-- A call that is made again after a crash has the ticket that it had. Counted already, it costs nothing more; reserved only, the new reservation is in place of the old.
local once = budgets > 0 and KEYS[first + budgets + 1]
if once then
  local had = redis.call('HGET', KEYS[first], ARGV[4])
  if had then
    local cost, tokens = string.match(had, '^%S+ %S+ (%d+) (%d+)')
    redis.call('HDEL', KEYS[first], ARGV[4])
    for i = 1, budgets do
      local key = KEYS[first + i]
      if string.find(had .. ' ', ' ' .. key .. ' ', 1, true) then
        for field, amount in pairs({rc = cost, rt = tokens, rn = '1'}) do
          if redis.call('HEXISTS', key, field) == 1 and redis.call('HINCRBY', key, field, '-' .. amount) < 0 then
            redis.call('HSET', key, field, 0)
          end
        end
      end
    end
  end
  if redis.call('SISMEMBER', once, ARGV[4]) == 1 then budgets = 0 end
end

for i = 1, budgets do
  local key, at = KEYS[first + i], argument + (i - 1) * 6
  local start, action = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local v = redis.call('HMGET', key, 'p', 'c', 't', 'n', 'rc', 'rt', 'rn', 'th')
  if not v[1] then return {4, i - 1} end
  local cost, tokens, requests = v[2], tonumber(v[3]), tonumber(v[4])
  if start > tonumber(v[1]) then
    rolled[i] = true
    cost, tokens, requests = '0', 0, 0
  end
  local needs = {ARGV[6], tonumber(ARGV[7]), 1}
  local function over(withOpen)
    local openCost, openTokens, openRequests = '0', 0, 0
    if withOpen then openCost, openTokens, openRequests = v[5] or '0', tonumber(v[6] or 0), tonumber(v[7] or 0) end
    return (ARGV[at + 2] ~= '-1' and exceeds(ARGV[at + 2], cost, openCost, needs[1]))
      or (ARGV[at + 3] ~= '-1' and tokens + openTokens + needs[2] > tonumber(ARGV[at + 3]))
      or (ARGV[at + 4] ~= '-1' and requests + openRequests + 1 > tonumber(ARGV[at + 4]))
  end
  if action == BLOCK then
    if over(true) then
      -- What is reserved may come back; when there is no room even then, the budget is used up.
      if over(false) then redis.call('HSET', key, 'x', start) end
      return {2, i - 1}
    end
  elseif action == THROTTLE and over(true) then
    local wait = tonumber(v[8] or 0) + tonumber(ARGV[at + 5]) - nowMs
    if wait > 0 then return {3, i - 1, wait} end
    throttled[i] = true
  end
end

for i = 1, windows do
  local requests, inBucket, mostTokens = state[i][1], state[i][2], state[i][3]
  if requests == 0 then redis.call('HSET', KEYS[i], 'o', now) end
  redis.call('HSET', KEYS[i], 'R', requests + 1, bucket, inBucket + 1)
  if mostTokens > 0 and estimate > 0 then
    redis.call('HINCRBY', KEYS[i], 'T', estimate)
    redis.call('HINCRBY', KEYS[i], 't' .. clock[1], estimate)
  end
end

if budgets > 0 then
  local names = {}
  for i = 1, budgets do
    local key = KEYS[first + i]
    names[i] = key
    if rolled[i] then
      local stale = {}
      for _, field in ipairs(redis.call('HKEYS', key)) do
        if string.find(field, '^[ctn]%d') then stale[#stale + 1] = field end
      end
      if #stale > 0 then
        for j = 1, #stale, 1000 do redis.call('HDEL', key, unpack(stale, j, math.min(j + 999, #stale))) end
      end
      redis.call('HSET', key, 'p', ARGV[argument + (i - 1) * 6], 'c', 0, 't', 0, 'n', 0)
      redis.call('EXPIRE', key, 3456000)
    end
    redis.call('HINCRBY', key, 'rc', ARGV[6])
    redis.call('HINCRBY', key, 'rt', ARGV[7])
    redis.call('HINCRBY', key, 'rn', 1)
    if throttled[i] then redis.call('HSET', key, 'th', nowMs) end
  end
  redis.call('HSET', KEYS[first], ARGV[4], table.concat({ARGV[5], clock[1], ARGV[6], ARGV[7], table.concat(names, ' ')}, ' '))
end

return {0, now, limit, remaining, reset, tokenLimit, tokenRemaining, tokenReset}
