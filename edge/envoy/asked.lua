-- Whether a call may go the direct way, by its body; stands behind head.lua, and once at each endpoint. edge/envoy/direct.py puts before
-- both what the endpoint takes: NAMES that pass there, OTHERS that do not, or nil where only NAMES do, and whether TURNS are needed.
function envoy_on_request(request)
  local body = request:body()
  local model, turns = head(body and body:getBytes(0, body:length()) or "")
  local fits = model and (turns or not TURNS) and (NAMES[model] or OTHERS and not OTHERS[model] and not find(model, "/", 1, true))
  -- No model's name is empty: that the key is there says that the body was read.
  request:streamInfo():dynamicMetadata():set("cli2api", "model", fits and model or "")
  request:clearRouteCache()
end
