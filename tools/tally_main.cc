#include "tools/command.h"

int main(int argc, char** argv) { return tally::run_command_line(argc, argv, TALLY_VERSION); }
