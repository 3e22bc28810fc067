-- The packages of an environment.
SELECT packages FROM environments WHERE digest = :digest
