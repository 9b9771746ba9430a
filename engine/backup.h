// Backups: a copy of a database at one LSN of each of its tables, with a list of its files and their sums, and back again.
//
//   TO/BACKUP            the list (backup_list.h), written last; TO/UNFINISHED stands until then
//   TO/data/             a database directory; nobody opens it where it is: restore_backup() copies it
//
// The source is only read. A database that is open in this process goes on meanwhile: each table is flushed first, so all
// that was acknowledged before the call is in the backup, then what its manifest lists is copied, and a file that a join or
// retention takes away meanwhile makes the table start over with the manifest of then. A stopped database is copied file by
// file, its log too: what a crash left in it is recovered where it is restored.
//
// Errors: kAlreadyExists: `to` is there and not empty; kCancelled; kNoSpace; those of reading the source. What was begun
// stays as it is, and restore_backup() refuses it by name.
// Threads: one backup of a database at a time; ingest, queries and background work go on.
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "engine/backup_list.h"
#include "engine/database.h"

namespace tally {

// Of `database`, which is open in this process and stands in the directory `source`.
Result<BackupList> backup_open_database(FileSystem& fs, Clock& clock, Database& database, const std::string& source,
                                        const std::string& to, const std::stop_token& stop = {});
// Of a database that nobody has open (kLocked).
Result<BackupList> backup_stopped_database(FileSystem& fs, const std::string& source, const std::string& to,
                                           const std::stop_token& stop = {});

// Copies a finished backup to `to`, which must not be there yet; every file is held against its sum. kCorruption: the backup
// is not finished, or a file is not what was written; kAlreadyExists: `to`, or what an earlier restore left beside it.
Result<BackupList> restore_backup(FileSystem& fs, const std::string& from, const std::string& to,
                                  const std::stop_token& stop = {});

}  // namespace tally
