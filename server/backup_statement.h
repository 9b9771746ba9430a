// The statement BACKUP TO 'name', which is the server's own: a backup of its database (engine/backup.h) into a new directory
// within the one that the setting storage.backup_directory names. Threads: any; one backup at a time.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "engine/database.h"
#include "query/query.h"

namespace tally {

// The name, if it is such a statement.
std::optional<std::string> backup_statement(std::string_view sql);

class BackupTaker {
 public:
  // `directory`: of the database.
  BackupTaker(Database& database, std::string directory, std::string backup_directory);
  // A row for each table: path of the backup, table, LSN that it stands at, files and bytes of the whole backup.
  std::expected<QueryResult, QueryError> take(const std::string& name, const std::stop_token& stop);

 private:
  Database& database_;
  const std::string directory_;
  const std::string backup_directory_;
  std::mutex one_at_a_time_;
};

}  // namespace tally
