// The main function of every test binary. A failing random test prints its seed; TALLY_SEED=N in the environment replays it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
