-- Settles one call in one slot: gives its reservation back, counts what it used, and corrects the estimate of its tokens.
-- KEYS  windows with a token limit, then (with budgets) the hash of open reservations, then budgets, then for a call that may be made again the set of those counted
-- ARGV  1 windows, 2 budgets, 3 second of the estimate, 4 actual less estimated tokens,
--       5 ticket, 6 counts (0 no, 1 if the reservation is there, 2 in any case), 7 cost, 8 tokens, 9 minute, then each budget's period start
-- Gives 1 when the reservation was there.
local MAX = '9223372036854775807'
local windows, budgets = tonumber(ARGV[1]), tonumber(ARGV[2])
local had = false
if budgets > 0 then
  had = redis.call('HGET', KEYS[windows + 1], ARGV[5])
end

-- With budgets, the reservation tells whether this was done before; without, nobody sends it twice.
if had or budgets == 0 or ARGV[6] == '2' or ARGV[6] == '0' then
  local difference = tonumber(ARGV[4])
  for i = 1, windows do
    if difference ~= 0 and redis.call('HEXISTS', KEYS[i], 't' .. ARGV[3]) == 1 then
      redis.call('HINCRBY', KEYS[i], 't' .. ARGV[3], ARGV[4])
      redis.call('HINCRBY', KEYS[i], 'T', ARGV[4])
    end
  end
end

if budgets == 0 then return 0 end

-- Sums end at the largest number rather than fail.
local function add(key, field, amount)
  local sum = redis.pcall('HINCRBY', key, field, amount)
  if type(sum) == 'table' and sum.err then redis.call('HSET', key, field, MAX) end
end

if had then
  local cost, tokens = string.match(had, '^%S+ %S+ (%d+) (%d+)')
  redis.call('HDEL', KEYS[windows + 1], ARGV[5])
  for i = 1, budgets do
    local key = KEYS[windows + 1 + i]
    for field, amount in pairs({rc = cost, rt = tokens, rn = '1'}) do
      if redis.call('HEXISTS', key, field) == 1 and redis.call('HINCRBY', key, field, '-' .. amount) < 0 then
        redis.call('HSET', key, field, 0)
      end
    end
  end
end

local counts = ARGV[6] == '2' or (ARGV[6] == '1' and had)
local once = KEYS[windows + budgets + 2]
if counts and once then
  -- Kept longer than any batch lasts.
  counts = redis.call('SADD', once, ARGV[5]) == 1
  redis.call('EXPIRE', once, 93600)
end

if counts then
  local minute = ARGV[9]
  for i = 1, budgets do
    local key, start = KEYS[windows + 1 + i], tonumber(ARGV[9 + i])
    local period = redis.call('HGET', key, 'p')
    if period and start > tonumber(period) then
      redis.call('HSET', key, 'p', start, 'c', 0, 't', 0, 'n', 0)
    end
    if period then
      add(key, 'c', ARGV[7])
      add(key, 't', ARGV[8])
      redis.call('HINCRBY', key, 'n', 1)
    end
    add(key, 'c' .. minute, ARGV[7])
    add(key, 't' .. minute, ARGV[8])
    if redis.call('HINCRBY', key, 'n' .. minute, 1) == 1 then
      redis.call('EXPIRE', key, period and 3456000 or 3600)

      -- Reconciling drops old minutes; where it has not run for long, they are dropped here.
      if redis.call('HLEN', key) > 6000 then
        for _, field in ipairs(redis.call('HKEYS', key)) do
          local at = string.match(field, '^[ctn](%d+)$')
          if at and tonumber(at) < tonumber(minute) - 60 then redis.call('HDEL', key, field) end
        end
      end
    end
  end
end

return had and 1 or 0
