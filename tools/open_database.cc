#include "tools/open_database.h"

namespace tally {

Result<OpenDatabase> open_database(const std::string& directory) {
  OpenDatabase open;
  open.fs = make_posix_file_system();
  TALLY_ASSIGN_OR_RETURN(open.database, Database::open(*open.fs, system_clock(), directory, {}));
  return open;
}

Result<std::string> table_id(Table& table) {
  TALLY_ASSIGN_OR_RETURN(auto snapshot, table.snapshot());
  return hex(snapshot->manifest().table_uuid);
}

}  // namespace tally
