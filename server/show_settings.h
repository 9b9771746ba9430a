// The statement SHOW SETTINGS, which is the server's own: the engine has none. Threads: any.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "query/query.h"
#include "server/settings.h"

namespace tally {

bool is_show_settings(std::string_view sql);
QueryResult show_settings(const std::vector<SettingRow>& rows);

}  // namespace tally
