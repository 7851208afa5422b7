import { serve } from '#http';
import { storefront } from './storefront';

serve(storefront());
