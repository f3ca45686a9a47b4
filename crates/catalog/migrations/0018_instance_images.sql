-- The image that the container of an instance was made of. NULL: the one that the instance has.
ALTER TABLE instance ADD COLUMN made_of TEXT;
