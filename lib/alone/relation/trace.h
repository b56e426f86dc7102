/* src/relation/trace.h for the library: programs have no values. */
