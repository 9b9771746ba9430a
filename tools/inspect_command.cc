#include <CLI/CLI.hpp>

#include <memory>

#include "tools/command.h"
#include "tools/inspect.h"

namespace tally {

Command add_inspect_command(CLI::App& parent) {
  auto file = std::make_shared<std::string>();
  CLI::App* app = parent.add_subcommand("inspect", "Show what a file of a database holds");
  app->add_option("FILE", *file, "TALLY, a MANIFEST-*, a *.seg or a *.log")->required();
  app->footer("Example:\n  tally inspect shop/tables/impressions/segments/00000001.seg");
  return {app, [file](Console& console) {
            auto fs = make_posix_file_system();
            auto inspection = inspect_file(*fs, *file);
            if (!inspection) return report_failure(console, "inspect", inspection.error());
            console.result(*file + ": " + inspection->text);
            return inspection->sound ? kExitOk : kExitFailed;
          }};
}

}  // namespace tally
