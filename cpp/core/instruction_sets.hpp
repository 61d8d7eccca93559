// Which instruction sets this build has, which of them the machine runs, and the one in use.
#pragma once

#include <string>
#include <vector>

#include "problem.hpp"

namespace crossentropy {

const Kernels &kernels();                       // of the set in use: the best available unless another was chosen
std::vector<std::string> available();           // best first
bool use_instruction_set(const std::string &);  // false where it is not available

}  // namespace crossentropy
