#pragma once

/// Which mutant the mutated sources are to be: 0 is none, and the code is as it was written.
namespace busproof::mutants {

void wake(int number);
bool is_active(int number);

}  // namespace busproof::mutants
