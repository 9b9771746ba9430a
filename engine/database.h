// A database: a directory made by init_database() holding tables, locked against other processes while it is open.
//
//   auto fs = make_posix_file_system();
//   auto db = Database::open(*fs, system_clock(), "/var/lib/tally", {});
//   TALLY_ASSIGN_OR_RETURN(Table* table, (*db)->create_table(schema));
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/status.h"
#include "engine/schema.h"
#include "engine/table.h"

namespace tally {

// Makes a database in `path`, which must not exist or be an empty directory. The only thing that ever formats (S6).
Status init_database(FileSystem& fs, const std::string& path);

struct DatabaseOptions {
  TableOptions table;                                     // its block_cache and space are made here
  uint64_t block_cache_bytes = limits::kBlockCacheBytes;  // of all tables; 0: none
};

// A table that could not be opened: the others stay usable, and its name answers with the reason.
class Database {
 public:
  static Result<std::unique_ptr<Database>> open(FileSystem& fs, Clock& clock, const std::string& path,
                                                DatabaseOptions options);
  virtual ~Database() = default;  // without close(): as if the process had been killed

  virtual Result<Table*> create_table(Schema schema) = 0;    // completed and validated here; durable at return
  virtual Result<Table*> table(std::string_view name) = 0;   // kNotFound names the nearest; or why it cannot be opened
  virtual std::vector<std::string> table_names() const = 0;  // sorted
  virtual Clock& clock() const = 0;
  // Flushes and closes every table. The first error is returned, the rest is closed all the same.
  virtual Status close() = 0;
};

}  // namespace tally
