// A database opened for a command, with the file system it stands on.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"
#include "engine/database.h"

namespace tally {

struct OpenDatabase {
  std::unique_ptr<FileSystem> fs;
  std::unique_ptr<Database> database;  // goes first
};

// TALLY_IO in the environment says how the log is written: auto (io_uring where the kernel allows it, else pwrite),
// io_uring, pwrite.
// `when_held`: what to do about a database that another process has open; goes behind the message.
inline constexpr std::string_view kAskTheServer =
    "; if that is `tally serve`, reach it with --server A:P, without --data";
inline constexpr std::string_view kStopItFirst = "; stop that process first: this needs the database for itself";
Result<OpenDatabase> open_database(const std::string& directory, const DatabaseOptions& options = {},
                                   std::string_view when_held = kStopItFirst);

// The same for what opens a database in another way.
Error with_way_out(Error error, std::string_view when_held);

// "": the log is written through io_uring, or not at all; else a sentence for the operator, who may expect it to be.
std::string io_note(const Table& table);

// The table's own id in hex: another table of the same name has another.
Result<std::string> table_id(Table& table);

}  // namespace tally
