// What the first words of a statement say about it, without parsing it. Threads: any.
#pragma once

#include <string_view>

namespace tally {

bool only_reads(std::string_view sql);      // may be asked twice
bool changes_tables(std::string_view sql);  // names that were known may be others now

}  // namespace tally
