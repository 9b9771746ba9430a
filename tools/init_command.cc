#include <CLI/CLI.hpp>

#include <memory>

#include "base/file.h"
#include "engine/database.h"
#include "tools/command.h"

namespace tally {

Command add_init_command(CLI::App& parent) {
  auto directory = std::make_shared<std::string>();
  CLI::App* app = parent.add_subcommand("init", "Make a database in a directory: the only command that ever formats");
  app->add_option("DIR", *directory, "A directory that does not exist or is empty")->required();
  app->footer("Example:\n  tally init shop");
  return {app, [directory](Console& console) {
            auto fs = make_posix_file_system();
            if (Status status = init_database(*fs, *directory); !status) {
              return report_failure(console, "init", status.error());
            }
            console.message("made an empty database in " + *directory);
            return kExitOk;
          }};
}

}  // namespace tally
