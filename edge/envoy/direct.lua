-- The answer of a call on the direct way. `direct` in the route's metadata is the dialect; without it the edge has answered.
-- Reads nothing but the objects behind the key "usage", which cannot stand inside of a JSON string: its quotes would be escaped
-- there. The core understands them, by the same rules as those of a relayed call.
local KEY, LARGEST, BETWEEN = '"usage"', 8192, "\30"

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

-- For the record of the call. Asked for anew each time, since Envoy's objects do not outlive a wait for the next chunk. Each note
-- costs some 10 us, so what Envoy's log can say by itself is not noted.
local function note(response, key, value)
  response:streamInfo():dynamicMetadata():set("cli2api", key, value)
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

-- What follows the key may still become an object.
local function cut_off(text, place)
  return string.find(text, '^%s*:?%s*$', place) or string.find(text, '^%s*:%s*{', place)
end

local function has_turns(text)
  local at, past = string.find(text, '"messages"', 1, true)
  while at do
    if string.find(text, '^%s*:%s*%[%s*[^%s%]]', past + 1) then return true end
    at, past = string.find(text, '"messages"', past, true)
  end
  return false
end

function envoy_on_request(request)
  local body = request:body()
  if body and has_turns(body:getBytes(0, body:length())) then
    request:streamInfo():dynamicMetadata():set("cli2api", "turns", true)
  end
  request:clearRouteCache()
end

function envoy_on_response(response)
  local dialect = response:metadata():get("direct")
  if dialect == nil then return end
  local headers = response:headers()
  local status = tonumber(headers:get(":status"))
  if status == 401 or status == 403 then note(response, "refused", tostring(status)) end
  if status == 401 or status == 403 or (status >= 300 and status < 400) then
    refuse(response, dialect, refusal(status))
    return
  end
  local held, first, last = "", nil, nil
  for chunk in response:bodyChunks() do
    local length = chunk:length()
    local text = length > 0 and chunk:getBytes(0, length) or ""
    if held ~= "" then text = held .. text end
    local from, at = 1, string.find(text, KEY, 1, true)
    while at do
      local object, past = string.match(text, '^%s*:%s*(%b{})()', at + #KEY)
      if object and #object <= LARGEST then
        if first == nil then first = object else last = object end
        note(response, "usage", last and first .. BETWEEN .. last or first)
        from = past
      elseif #text - at < LARGEST and cut_off(text, at + #KEY) then
        break -- cut off: the rest comes with the next chunk
      else
        from = at + #KEY
      end
      at = string.find(text, KEY, from, true)
    end
    held = at and string.sub(text, at) or string.match(string.sub(text, math.max(from, #text - #KEY + 2)), '"[usage]*$') or ""
  end
end
