-- Applies settlements of ended calls, then answers questions of new calls, in one slot: everything that a process has queued since its last run.
-- KEYS  for each settlement: windows (with a token limit; for a returned ticket all), then, if it has budgets, the hash of open reservations,
--       then budgets, then, for a call that counts once, the set of counted calls; then for each question: all windows, and the same
-- ARGV  1 number of settlements, 2 number of questions; then the values of each settlement, then of each question, see settle and admit
-- Returns lines: the number of settlements whose reservation was open; then for each question one of
--       0 now limit remaining reset tokenlimit tokenremaining tokenreset left (ms of this second)
--       1 now limit retryat unit (0 requests, 1 tokens)      a rate limit refuses
--       2 budget reason                                      a budget refuses (see reason())
--       3 budget wait (ms)                                   a budget throttles
--       4 budget                                             Redis does not know the budget's state
--       5                                                    not enough room for prefetched tickets
local WINDOW = 60

-- Tickets are prefetched only if there is room for this many times as many.
local ROOM = 64
local BLOCK, NOTIFY, THROTTLE = 0, 1, 2
local MAX = '9223372036854775807'
local clock = redis.call('TIME')
local now = tonumber(clock[1])
local nowMs = now * 1000 + math.floor(tonumber(clock[2]) / 1000)
local bucket, tokenBucket = 'r' .. clock[1], 't' .. clock[1]

-- Lua's numbers are exact below this.
local EXACT = 9007199254740992

-- Adds to a field, at once: a sum beyond 64 bits saturates instead of failing, and no sum falls below 0.
-- Returns the sum.
local function increase(key, field, amount)
  local sum = redis.pcall('HINCRBY', key, field, amount)
  if type(sum) == 'table' then redis.call('HSET', key, field, MAX) elseif sum < 0 then redis.call('HSET', key, field, 0) end
  return sum
end

local function giveBack(key, field, known, amount)
  -- Redis does not accept "-0" as a number.
  if known and amount ~= '0' then increase(key, field, '-' .. amount) end
end

-- What the settlements of this run add, by key and field. Calls of one run usually share windows and budgets: each field is written once.
local sums = {}

local function sumsOf(key)
  sums[key] = sums[key] or {}
  return sums[key]
end

local function add(key, field, amount)
  local fields = sumsOf(key)
  local sum = (fields[field] or 0) + tonumber(amount)
  if sum < EXACT and sum > -EXACT then fields[field] = sum else increase(key, field, amount) end
end

-- What this run knows of keys and fields that its settlements share.
local budgetStates, existing, expiring = {}, {}, {}

local function budgetState(key)
  local state = budgetStates[key]
  if not state then
    local v = redis.call('HMGET', key, 'p', 'k', 'rn')
    state = {period = v[1] and tonumber(v[1]), calendar = v[2], hasReservations = v[3]}
    budgetStates[key] = state
  end
  return state
end

local function exists(key, field)
  local fields = existing[key] or {}
  existing[key] = fields
  if fields[field] == nil then fields[field] = redis.call('HEXISTS', key, field) == 1 end
  return fields[field]
end

-- Whether a period that begins at a minute follows that of the state. A call that began under other periods, or a process that does not know
-- the change yet, must not end a period.
local function isNext(start, calendar, period, known)
  return start > period and (not known or known == calendar)
end

-- Settles a call: releases its reservation, counts its use, and corrects the estimate of its tokens, all or nothing.
-- a     index of the value before: 1 windows, 2 budgets, 3 second in which the call was counted, 4 actual minus estimated tokens,
--       5 ticket, 6 mode (SettleMode: 0 release, 1 count if open, 2 count, 3 release if open, 4 return the ticket and its place in windows),
--       7 cost, 8 tokens, 9 minute, 10 counts once (1: the call may be repeated), then of each budget: period start (0: not known), calendar
-- k     index of the key before its first one
local function settle(k, a)
  local windows, budgets, counts = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), ARGV[a + 6]
  local open = k + windows + 1
  local had = false
  if budgets > 0 then had = redis.call('HGET', KEYS[open], ARGV[a + 5]) end

  -- With budgets, a missing reservation shows that this was done before; without budgets, settlements are not repeated.
  if had or budgets == 0 or counts == '2' or counts == '0' then
    if counts == '4' then
      local field = 'r' .. ARGV[a + 3]
      for i = 1, windows do
        if exists(KEYS[k + i], field) then
          add(KEYS[k + i], field, -1)
          add(KEYS[k + i], 'R', -1)
        end
      end
    end
    local missing = tonumber(ARGV[a + 4])
    if missing ~= 0 then
      local field, isLive = 't' .. ARGV[a + 3], tonumber(ARGV[a + 3]) >= now - WINDOW
      for i = 1, windows do
        local key = KEYS[k + i]
        if isLive and exists(key, field) then
          add(key, field, missing)
          add(key, 'T', missing)
        elseif missing > 0 then
          -- Nothing was estimated, or the call took longer than a minute: its use counts from now on.
          add(key, tokenBucket, missing)
          add(key, 'T', missing)
          expiring[key] = true
        end
      end
    end
  end

  if budgets == 0 then return 0 end

  local counted = counts == '2' or (counts == '1' and had)
  local heldCost, heldTokens
  if had then
    heldCost, heldTokens = string.match(had, '^%S+ %S+ (%d+) (%d+)')
    redis.call('HDEL', KEYS[open], ARGV[a + 5])
  end

  if counted and ARGV[a + 10] == '1' then
    -- Longer than any batch lasts.
    local once = KEYS[open + budgets + 1]
    counted = redis.call('SADD', once, ARGV[a + 5]) == 1
    redis.call('EXPIRE', once, 93600)
  end

  local cost, tokens, minute = ARGV[a + 7], ARGV[a + 8], ARGV[a + 9]
  for i = 1, budgets do
    local key, start = KEYS[open + i], tonumber(ARGV[a + 9 + 2 * i])
    local state = budgetState(key)
    if had and state.hasReservations then
      add(key, 'rc', -tonumber(heldCost))
      add(key, 'rt', -tonumber(heldTokens))
      add(key, 'rn', -1)
    end
    -- The use of a period that has ended is no use of this one; roll has deleted that period's minutes.
    if counted and not (state.period and tonumber(minute) < state.period) then
      if state.period and isNext(start, ARGV[a + 10 + 2 * i], state.period, state.calendar) then
        redis.call('HSET', key, 'p', start, 'c', 0, 't', 0, 'n', 0)
        state.period = start
        local fields = sumsOf(key)
        fields.c, fields.t, fields.n = nil, nil, nil
      end
      if state.period then
        add(key, 'c', cost)
        add(key, 't', tokens)
        add(key, 'n', 1)
      end
      add(key, 'c' .. minute, cost)
      add(key, 't' .. minute, tokens)
      add(key, 'n' .. minute, 1)
    end
  end

  return had and 1 or 0
end

-- After the first call of a minute. reconcile.lua deletes old minutes; if it has not run for long, they are deleted here.
local function keep(key, minute)
  redis.call('EXPIRE', key, budgetStates[key].period and 3456000 or 3600)
  if redis.call('HLEN', key) > 6000 then
    for _, field in ipairs(redis.call('HKEYS', key)) do
      local at = string.match(field, '^[ctn](%d+)$')
      if at and tonumber(at) < tonumber(minute) - 60 then redis.call('HDEL', key, field) end
    end
  end
end

-- Writes what the settlements add.
local function write()
  for key, fields in pairs(sums) do
    for field, amount in pairs(fields) do
      local sum = amount ~= 0 and increase(key, field, string.format('%.0f', amount))
      local minute = sum == amount and string.match(field, '^n(%d+)$')
      if minute then keep(key, minute) end
    end
  end
  for key in pairs(expiring) do redis.call('EXPIRE', key, WINDOW + 2) end
end

-- A window has one bucket per second, and sums over them, which are computed again, without expired buckets, at most once a second.
-- A bucket counts until its last moment is more than a minute old, so that no 60 s contain more calls than the limit.
local function load(key)
  local v = redis.call('HMGET', key, 'l', 'o', 'R', 'T', bucket)
  if v[1] and tonumber(v[1]) == now then
    return {oldest = tonumber(v[2]), requests = tonumber(v[3]), tokens = tonumber(v[4]), inBucket = tonumber(v[5] or 0), held = 0}
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
        local amount = tonumber(all[i + 1])
        if kind == 'r' then
          if amount > 0 and second < oldest then oldest = second end
          requests = requests + amount
        else
          tokens = tokens + amount
        end
      end
    end
  end
  if #dead > 0 then redis.call('HDEL', key, unpack(dead)) end
  redis.call('HSET', key, 'l', now, 'o', oldest, 'R', requests, 'T', tokens)
  redis.call('EXPIRE', key, WINDOW + 2)
  return {oldest = oldest, requests = requests, tokens = tokens, inBucket = tonumber(redis.call('HGET', key, bucket) or 0), held = 0}
end

-- Calls of one run usually share windows: each window is read once and stored once.
local loaded = {}

local function window(key)
  local state = loaded[key]
  if not state then
    state = load(key)
    loaded[key] = state
  end
  return state
end

local function store()
  for key, state in pairs(loaded) do
    if state.changed then
      redis.call('HSET', key, 'o', state.oldest, 'R', state.requests, 'T', state.tokens, bucket, state.inBucket)
      if state.held > 0 then redis.call('HINCRBY', key, tokenBucket, state.held) end
    end
  end
end

-- Amounts have up to 64 bits, Lua numbers 53: units and billionths are added separately.
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

-- Whether a budget has no room for a call in addition to its use and its reservations.
-- a     index of the value before the budget's 3 limits; the other arguments are {cost, tokens, requests}
local function isOver(a, call, used, reserved)
  return (ARGV[a + 1] ~= '-1' and exceeds(ARGV[a + 1], used[1], reserved[1], call[1]))
    or (ARGV[a + 2] ~= '-1' and used[2] + reserved[2] + call[2] > tonumber(ARGV[a + 2]))
    or (ARGV[a + 3] ~= '-1' and used[3] + reserved[3] + call[3] > tonumber(ARGV[a + 3]))
end

local NOTHING = {'0', 0, 0}

-- Whether a budget's reservations reach a billion units: with a few thousand more calls of the highest cost, the sum would exceed 64 bits, and
-- the error would fail all calls of this run.
local function isFull(reserved)
  return string.len(reserved[1]) > 18
end

-- Why a budget has no room for a call (BudgetRefusal.Reason): 0 it is used up: of a limit that refuses, at most a tenth is left, or less than
-- the average of this period's calls; 1 the room is reserved for running calls, and may become free; 2 the call is larger than what is left.
local function reason(a, call, used)
  if not isOver(a, call, used, NOTHING) then return 1 end
  local calls = tonumber(used[3])
  for i = 1, 3 do
    local limit, amount = tonumber(ARGV[a + i]), tonumber(used[i])
    local left = limit - amount
    if limit >= 0 and left < tonumber(call[i]) and (left * 10 <= limit or left * calls < amount) then return 0 end
  end
  return 2
end

local function roll(key, start)
  local stale = {}
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if string.find(field, '^[ctn]%d') then stale[#stale + 1] = field end
  end
  for j = 1, #stale, 1000 do redis.call('HDEL', key, unpack(stale, j, math.min(j + 999, #stale))) end
  redis.call('HSET', key, 'p', start, 'c', 0, 't', 0, 'n', 0)
  redis.call('EXPIRE', key, 3456000)
end

-- The second at which enough tokens of a window have expired. What this run has counted is not stored yet and expires last. The buckets are read
-- once in a run: a caller who is refused often asks often.
local function freeAt(key, state, tokens)
  if not state.seconds then
    state.seconds, state.amounts = {}, {}
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      local second = tonumber(string.match(all[i], '^t(%d+)$'))
      if second and second >= now - WINDOW then
        table.insert(state.seconds, second)
        state.amounts[second] = tonumber(all[i + 1])
      end
    end
    table.sort(state.seconds)
  end
  for _, second in ipairs(state.seconds) do
    tokens = tokens - state.amounts[second]
    if tokens <= 0 then return second + WINDOW + 1 end
  end
  return now + WINDOW + 1
end

-- Checks the windows for a number of calls; room is the number that must fit. A single call that is larger than a whole token limit is admitted
-- if the window is empty.
-- Returns the refusal; or nil and the answer with the state of the strictest limits.
local function look(k, a, windows, calls, room, estimate)
  local requests, tokens = room, room * estimate
  local limit, remaining, reset = 0, 0, 0
  local tokenLimit, tokenRemaining, tokenReset = 0, 0, 0
  for i = 1, windows do
    local most, mostTokens = tonumber(ARGV[a + 8 + 2 * i]), tonumber(ARGV[a + 9 + 2 * i])
    local state = window(KEYS[k + i])
    local retry = state.oldest + WINDOW + 1
    if most > 0 then
      local left = most - state.requests - requests
      if left < 0 then return '1 ' .. table.concat({now, most, retry, 0}, ' ') end
      if limit == 0 or left < remaining then limit, remaining, reset = most, left, retry end
    end
    if mostTokens > 0 then
      local left = mostTokens - state.tokens - tokens
      if left < 0 and (state.tokens > 0 or room > 1) then
        -- Callers look at the moment only for a call of their own.
        if room == 1 then retry = freeAt(KEYS[k + i], state, math.min(-left, state.tokens)) end
        return '1 ' .. table.concat({now, mostTokens, retry, 1}, ' ')
      end
      left = math.max(left, 0)
      if tokenLimit == 0 or left < tokenRemaining then tokenLimit, tokenRemaining, tokenReset = mostTokens, left, retry end
    end
  end
  remaining, tokenRemaining = remaining + room - calls, tokenRemaining + (room - calls) * estimate
  return nil, table.concat({now, limit, remaining, reset, tokenLimit, tokenRemaining, tokenReset, 999 - nowMs % 1000}, ' ')
end

local function enter(k, a, windows, requests, tokens)
  for i = 1, windows do
    local state = window(KEYS[k + i])
    if state.requests == 0 then state.oldest = now end
    state.requests, state.inBucket, state.changed = state.requests + requests, state.inBucket + requests, true
    if tonumber(ARGV[a + 9 + 2 * i]) > 0 and tokens > 0 then state.tokens, state.held = state.tokens + tokens, state.held + tokens end
  end
end

-- The value of an open reservation: "process second cost tokens budget budget …", and the set of a call that counts once.
local function note(a, open, keys)
  return table.concat({ARGV[a + 5], clock[1], ARGV[a + 6], ARGV[a + 7], table.concat(KEYS, ' ', open + 1, open + keys)}, ' ')
end

-- Checks all rate limits and budgets of one call, and counts and reserves it, all or nothing.
-- a     index of the value before: 1 windows, 2 budgets, 3 estimated tokens, 4 ticket, 5 process, 6 cost, 7 tokens,
--       8 counts once (1: the call may be repeated), 9 number of tickets to prefetch (0: this is a call),
--       then for each window: request limit, token limit (0: none),
--       then for each budget: period start (minute), action, cost limit, token limit, request limit (-1: none), throttle (ms), calendar,
--       then the tickets to prefetch
-- k     index of the key before its first one
local function admit(k, a)
  local windows, budgets, estimate = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local refusal, limits = look(k, a, windows, 1, 1, estimate)
  if refusal then return refusal end

  local open = k + windows + 1
  local first = a + 9 + 2 * windows
  local call = {ARGV[a + 6], tonumber(ARGV[a + 7]), 1}
  local rolled, throttled = {}, {}

  -- A call that is repeated after a crash has the same ticket. If it was counted already, budgets are not checked again; if it was only reserved,
  -- the new reservation replaces the old one.
  if ARGV[a + 8] == '1' then
    local had = redis.call('HGET', KEYS[open], ARGV[a + 4])
    if had then
      local cost, tokens = string.match(had, '^%S+ %S+ (%d+) (%d+)')
      redis.call('HDEL', KEYS[open], ARGV[a + 4])
      for i = 1, budgets do
        local key = KEYS[open + i]
        if string.find(had .. ' ', ' ' .. key .. ' ', 1, true) then
          local known = redis.call('HMGET', key, 'rc', 'rt', 'rn')
          giveBack(key, 'rc', known[1], cost)
          giveBack(key, 'rt', known[2], tokens)
          giveBack(key, 'rn', known[3], '1')
        end
      end
    end
    if redis.call('SISMEMBER', KEYS[open + budgets + 1], ARGV[a + 4]) == 1 then budgets = 0 end
  end

  for i = 1, budgets do
    local key, at = KEYS[open + i], first + (i - 1) * 7
    local start, action = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local v = redis.call('HMGET', key, 'p', 'c', 't', 'n', 'rc', 'rt', 'rn', 'th', 'k')
    if not v[1] then return '4 ' .. (i - 1) end
    local used = {v[2], tonumber(v[3]), tonumber(v[4])}
    if isNext(start, ARGV[at + 7], tonumber(v[1]), v[9]) then
      rolled[i] = true
      used = NOTHING
    end
    local reserved = {v[5] or '0', tonumber(v[6] or 0), tonumber(v[7] or 0)}
    if isFull(reserved) then return '2 ' .. (i - 1) .. ' 1' end
    if action == BLOCK or action == THROTTLE then
      if isOver(at + 2, call, used, reserved) then
        if action == BLOCK then
          local why = reason(at + 2, call, used)
          if why == 0 then redis.call('HSET', key, 'x', start) end
          return '2 ' .. (i - 1) .. ' ' .. why
        end
        local wait = tonumber(v[8] or 0) + tonumber(ARGV[at + 6]) - nowMs
        if wait > 0 then return '3 ' .. (i - 1) .. ' ' .. wait end
        throttled[i] = true
      end
    end
  end

  enter(k, a, windows, 1, estimate)
  if budgets > 0 then
    for i = 1, budgets do
      local key = KEYS[open + i]
      if rolled[i] then roll(key, ARGV[first + (i - 1) * 7 + 1]) end
      redis.call('HINCRBY', key, 'rc', ARGV[a + 6])
      redis.call('HINCRBY', key, 'rt', ARGV[a + 7])
      redis.call('HINCRBY', key, 'rn', 1)
      if throttled[i] then redis.call('HSET', key, 'th', nowMs) end
    end
    redis.call('HSET', KEYS[open], ARGV[a + 4], note(a, open, budgets + tonumber(ARGV[a + 8])))
  end

  return '0 ' .. limits
end

-- Prefetches tickets, all or none, if there is room for many more. They are counted and reserved like calls.
-- a, k  as in admit; 4 (ticket) is not used. The total cost is less than 2^53.
local function ahead(k, a, calls)
  local windows, budgets, estimate = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
  local cost, tokens = tonumber(ARGV[a + 6]), tonumber(ARGV[a + 7])
  local many = calls * ROOM
  local refusal, limits = look(k, a, windows, calls, many, estimate)
  if refusal then return '5' end

  local open = k + windows + 1
  local first = a + 9 + 2 * windows
  local all = {string.format('%.0f', many * cost), many * tokens, many}
  for i = 1, budgets do
    local at = first + (i - 1) * 7
    local v = redis.call('HMGET', KEYS[open + i], 'p', 'c', 't', 'n', 'rc', 'rt', 'rn', 'k')
    if not v[1] or isNext(tonumber(ARGV[at + 1]), ARGV[at + 7], tonumber(v[1]), v[8]) then return '5' end
    local used = {v[2], tonumber(v[3]), tonumber(v[4])}
    local reserved = {v[5] or '0', tonumber(v[6] or 0), tonumber(v[7] or 0)}
    if isFull(reserved) or (tonumber(ARGV[at + 2]) ~= NOTIFY and isOver(at + 2, all, used, reserved)) then return '5' end
  end

  enter(k, a, windows, calls, calls * estimate)
  if budgets > 0 then
    for i = 1, budgets do
      local key = KEYS[open + i]
      redis.call('HINCRBY', key, 'rc', string.format('%.0f', calls * cost))
      redis.call('HINCRBY', key, 'rt', calls * tokens)
      redis.call('HINCRBY', key, 'rn', calls)
    end
    local value, fields = note(a, open, budgets), {}
    for i = 1, calls do
      fields[2 * i - 1], fields[2 * i] = ARGV[first + 7 * budgets + i], value
    end
    redis.call('HSET', KEYS[open], unpack(fields))
  end

  return '0 ' .. limits
end

-- The number of keys of a settlement or question.
local function keysOf(windows, budgets, once)
  return windows + (budgets > 0 and budgets + 1 or 0) + once
end

local k, a = 0, 2
local found, lines = 0, {}
for _ = 1, tonumber(ARGV[1]) do
  found = found + settle(k, a)
  local windows, budgets = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2])
  k = k + keysOf(windows, budgets, tonumber(ARGV[a + 10]))
  a = a + 10 + 2 * budgets
end

write()

lines[1] = found
for i = 1, tonumber(ARGV[2]) do
  local windows, budgets, calls = tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]), tonumber(ARGV[a + 9])
  lines[i + 1] = calls > 0 and ahead(k, a, calls) or admit(k, a)
  k = k + keysOf(windows, budgets, tonumber(ARGV[a + 8]))
  a = a + 9 + 2 * windows + 7 * budgets + calls
end

store()
return table.concat(lines, '\n')
