// Blocks of memory as Python objects with the buffer protocol, on which NumPy lays its arrays.
#include "memory.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>

#include <utility>

namespace nb = nanobind;
using namespace crossentropy;

namespace {

int get_buffer(PyObject *self, Py_buffer *view, int flags) {
    const Block *block = nb::inst_ptr<Block>(self);
    return PyBuffer_FillInfo(view, self, block->data(), (Py_ssize_t)block->bytes(), /*readonly=*/0, flags);
}

PyType_Slot slots[] = {{Py_bf_getbuffer, (void *)get_buffer}, {0, nullptr}};

}  // namespace

void bind_memory(nb::module_ &m) {
    nb::class_<Block>(m, "Block", "Memory of a large result, reused when it is gone.", nb::type_slots(slots))
        .def(nb::init<std::size_t>(), nb::arg("bytes"), nb::call_guard<nb::gil_scoped_release>());
    m.attr("smallest_block") = smallest_block;
    m.def(
        "memory_use",
        [] {
            const MemoryUse use = memory_use();
            return std::make_pair(use.in_use, use.waiting);
        },
        "Bytes of the blocks in use, and of those that wait.");
    m.def("release_memory", &release_memory, nb::call_guard<nb::gil_scoped_release>());
}
