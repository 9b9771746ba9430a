// A database opened for a command, with the file system it stands on.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/status.h"
#include "engine/database.h"

namespace tally {

struct OpenDatabase {
  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<Database> database;  // goes first
};

Result<OpenDatabase> open_database(const std::string& directory);

// The table's own id in hex: another table of the same name has another.
Result<std::string> table_id(Table& table);

}  // namespace tally
