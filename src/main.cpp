#include "cli/program.hpp"

int main(int argc, char** argv) { return posthorn::cli::run_program(argc, argv); }
