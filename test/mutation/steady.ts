// Set-up file of the unit tests of a mutation run: the same random cases each time, so that a mutant is caught always or never.
import * as fc from 'fast-check'

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_261_127 })
