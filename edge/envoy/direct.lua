-- The answer of a call on the direct way: what of it belongs into the call's record, and the gateway's own words where MuleRun's must
-- not be passed on. Reads nothing but the objects behind the key "usage", which cannot stand inside of a JSON string: its quotes would
-- be escaped there. The core understands them, by the same rules as those of a relayed call.
local byte, find, match, sub = string.byte, string.find, string.match, string.sub
local KEY, LARGEST, BETWEEN = '"usage"', 8192, "\30"
local SHORT = 262144

-- The words of services/upstream/refusals.py for an answer that says nothing of its own.
local PHRASES = {
  [300] = "Multiple Choices", [301] = "Moved Permanently", [302] = "Found", [303] = "See Other", [304] = "Not Modified",
  [305] = "Use Proxy", [307] = "Temporary Redirect", [308] = "Permanent Redirect", [401] = "Unauthorized", [403] = "Forbidden",
}
local function refusal(status)
  local phrase = PHRASES[status] or "no reason given"
  if status == 401 or status == 403 then
    return "502", "upstream_error", "upstream_credential", "api_error", "upstream HTTP " .. status .. ": " .. phrase
      .. ". MuleRun refused this gateway's credential: log in again with `mulerun login` or set MULERUN_TOKEN to a valid key; "
      .. "text models may need MuleRun's LLM gateway key"
  elseif status >= 300 and status < 400 then
    return "400", "invalid_request_error", "upstream_refused", "invalid_request_error", "MuleRun refused the request with HTTP "
      .. status .. ": " .. phrase
      .. " (it answered with a redirect, which is never followed with a credential; check MULERUN_API_BASE_URL)"
  end
end

local function refuse(response, dialect, status, kind, code, anthropic, message)
  -- The answer is the gateway's own, so no header of MuleRun's stays on it.
  local headers, theirs = response:headers(), {}
  for name in pairs(headers) do
    if name ~= ":status" and name ~= "request-id" then theirs[#theirs + 1] = name end
  end
  for _, name in ipairs(theirs) do headers:remove(name) end
  headers:replace(":status", status)
  headers:replace("content-type", "application/json")
  -- Only the operator can mend it, and SDKs would ask again.
  if status == "502" then headers:replace("x-should-retry", "false") end
  local body
  if dialect == "anthropic" then
    local id = headers:get("request-id") -- put there by the route
    body = string.format('{"type":"error","error":{"type":"%s","message":"%s"},"request_id":"%s"}', anthropic, message, id)
  else
    body = string.format('{"error":{"message":"%s","type":"%s","param":null,"code":"%s"}}', message, kind, code)
  end
  response:body(true):setBytes(body)
end

-- For the record of the call: what Envoy's log cannot say by itself, and all of it at once, since each note costs as much as reading
-- the answer. Asked for anew each time: Envoy's objects do not outlive a wait for the next chunk.
local function note(response, told)
  response:streamInfo():dynamicMetadata():set("cli2api", "told", told)
end

-- The first and the last object in `text`, added to what was noted of the text before it; and what may be the beginning of another.
local function usage(text, first, last)
  local from, at = 1, find(text, KEY, 1, true)
  while at do
    local object, past = match(text, "^%s*:%s*(%b{})()", at + #KEY)
    if object and #object <= LARGEST then
      if first == nil then first = object else last = object end
      from = past
    elseif #text - at < LARGEST and (find(text, "^%s*:?%s*$", at + #KEY) or find(text, "^%s*:%s*{", at + #KEY)) then
      return first, last, sub(text, at) -- cut off: the rest comes with the next chunk
    else
      from = at + #KEY
    end
    at = find(text, KEY, from, true)
  end
  return first, last, match(sub(text, math.max(from, #text - #KEY + 2)), '"[usage]*$') or ""
end

function envoy_on_response(response)
  local headers = response:headers()
  local status = headers:get(":status")
  if status == "401" or status == "403" or byte(status) == 51 then -- or 3xx
    if status == "401" or status == "403" then note(response, "refused " .. status) end
    refuse(response, response:metadata():get("direct"), refusal(tonumber(status)))
    return
  end
  -- A short answer is waited for: it comes in one piece anyway, and one look at it costs less than one at each piece and at its end.
  local told = headers:get("content-length")
  local length = told and tonumber(told)
  if length and length <= SHORT then
    local body = response:body()
    local first, last = usage(body and body:getBytes(0, body:length()) or "")
    if first then note(response, last and first .. BETWEEN .. last or first) end
    return
  end
  local held, first, last = "", nil, nil
  for chunk in response:bodyChunks() do
    local size = chunk:length()
    local text = size > 0 and chunk:getBytes(0, size) or ""
    if held ~= "" then text = held .. text end
    local known_first, known_last = first, last
    first, last, held = usage(text, first, last)
    if first ~= known_first or last ~= known_last then note(response, last and first .. BETWEEN .. last or first) end
  end
end
